"""The text of a mapping file as plain data: every scalar a string, faults told in one line."""

from collections.abc import Mapping
from typing import Any

import yaml

from gravida.errors import ConfigurationError

LONGEST_FILE = 300_000
_DEEPEST = 12
_LONGEST_MESSAGE = 200


def read_plain(content: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping file as dictionaries, lists and strings.

    Nothing is typed: ``no`` stays a word, ``007`` keeps its zeros. Anchors and keys that stand twice are
    refused.

    Parameters
    ----------
    content : str
        YAML.
    schema : mapping
        JSON schema, ``schemas/mapping.schema.yaml``.

    Raises
    ------
    ConfigurationError
        Naming the line, or the key and what is wrong with it.
    """
    plain = _plain(_node(content), "")
    # Imported here: only where there is a mapping is it needed.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(schema).iter_errors(plain))
    if error is not None:
        message = " ".join(error.message.split())[:_LONGEST_MESSAGE]
        key = ".".join(str(part) for part in error.absolute_path)
        raise fault(key, f"{message}; see schemas/mapping.schema.yaml")
    return plain


def fault(key: str, what: str) -> ConfigurationError:
    """Return the error of one key of a mapping file."""
    return ConfigurationError(f"mapping: {key}: {what}" if key else f"mapping: {what}")


def _node(content: str) -> yaml.Node:
    if len(content) > LONGEST_FILE:
        raise fault("", f"the file is longer than {LONGEST_FILE} characters; shorten it")
    try:
        depth = 0
        for event in yaml.parse(content, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise fault("", f"line {event.start_mark.line + 1}: no anchors; write it out")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise fault("", f"line {event.start_mark.line + 1}: too many levels")
        return yaml.compose(content, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise fault("", f"{where}not YAML; look at the indents, quotes and colons there") from None
    except (yaml.YAMLError, ValueError):
        raise fault("", "not YAML: the file holds a character that no text has") from None


def _plain(node: yaml.Node | None, key: str) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, f"{key}.{place}") for place, item in enumerate(node.value)]
    plain: dict[str, Any] = {}
    for name, item in node.value if node is not None else []:
        if not isinstance(name, yaml.ScalarNode):
            raise fault(key, f"line {name.start_mark.line + 1}: a key must be a word")
        inner = f"{key}.{name.value}" if key else name.value
        if name.value in plain:
            raise fault(inner, f"line {name.start_mark.line + 1}: stands twice; keep one")
        plain[name.value] = _plain(item, inner)
    return plain
