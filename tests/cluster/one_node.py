"""A Slurm of one node on this machine: key, ports and folders of its own, no accounting, no systemd."""

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo")
NODE = socket.gethostname().split(".")[0]
# Which processes are a job's is read from the table of processes: control groups need root and systemd.
SETTINGS = """
ClusterName=gravida
SlurmctldHost={node}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
KillWait=2
MinJobAge=3600
NodeName={node} NodeAddr=127.0.0.1 CPUs=2 RealMemory=8000 State=UNKNOWN
PartitionName=study Nodes={node} Default=YES MaxTime=60 State=UP
"""
# For a step within a job the executor forgets where the settings are.
SRUN = '#!/bin/sh\nSLURM_CONF={settings} exec {srun} "$@"\n'


class OneNode:
    """A Slurm at work: the environment in which its commands, and Snakemake, find it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def told(self, *command: str) -> str:
        """Return what a command of Slurm prints."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def jobs(self, state: str, rule: str = "") -> list[str]:
        """Return the numbers of the jobs in a state (`all` is any), of a rule or of all."""
        lines = self.told("squeue", "--noheader", f"--states={state}", "--format=%i %k").splitlines()
        return [number for number, comment in map(str.split, lines) if comment.startswith(f"rule_{rule}")]

    def state(self, job: str) -> str:
        """Return the state of a job, also of one that has ended."""
        return self.told("squeue", "--noheader", "--states=all", f"--jobs={job}", "--format=%T")

    def node(self, state: str) -> None:
        """Put the node into a state."""
        self.told("scontrol", "update", f"NodeName={NODE}", f"State={state}", "Reason=test")


def wait_for(what: Callable[[], object], seconds: float = 300) -> object:
    """Wait until something is there, and return it; it is an error if it never comes."""
    end = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > end:
            raise TimeoutError("what was waited for did not come")
        time.sleep(0.2)
    return found


@contextmanager
def one_node() -> Iterator[OneNode]:
    """Start Slurm, and end it again."""
    path = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"
    places = {name: shutil.which(name, path=path) for name in PROGRAMS}
    missing = sorted(name for name, place in places.items() if not place)
    if missing:
        raise RuntimeError(f"DID NOT RUN: {', '.join(missing)} not found; Debian has slurm-wlm and munge")
    # The name of a socket must be short, and who reaches it is for the key to say.
    with tempfile.TemporaryDirectory(prefix="gravida-slurm-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o711)
        settings = write_settings(folder, places["srun"])
        environment = os.environ | {
            "SLURM_CONF": str(settings),
            "PATH": f"{folder / 'bin'}{os.pathsep}{path}",
        }
        slurm = OneNode(environment)
        own = [f"--{what}={folder}/munge.{what.split('-')[0]}" for what in ("key-file", "socket", "pid-file")]
        logs = [f"--log-file={folder}/munged.log", f"--seed-file={folder}/munge.seed"]
        daemon(stack, folder, environment, places["munged"], "--foreground", *own, *logs)
        wait_for((folder / "munge.socket").exists, 60)
        daemon(stack, folder, environment, places["slurmctld"], "-D", "-f", str(settings))
        daemon(stack, folder, environment, places["slurmd"], "-D", "-f", str(settings))
        wait_for(lambda: "idle" in told_by(environment, "sinfo", "--noheader", "--format=%t"), 60)
        stack.callback(end_jobs, slurm)
        yield slurm


def write_settings(folder: Path, srun: str) -> Path:
    """Write the settings, the key, and a command that finds the settings."""
    for name in ("state", "spool", "bin"):
        (folder / name).mkdir()
    key, settings, wrapper = folder / "munge.key", folder / "slurm.conf", folder / "bin/srun"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(128))
    wrapper.write_text(SRUN.format(settings=settings, srun=srun), encoding="utf-8")
    wrapper.chmod(0o755)
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        ports = {"controller_port": one.getsockname()[1], "node_port": two.getsockname()[1]}
    text = SETTINGS.format(node=NODE, user=getpass.getuser(), folder=folder, **ports)
    settings.write_text(text, encoding="utf-8")
    return settings


def daemon(stack: ExitStack, folder: Path, environment: dict[str, str], *command: str) -> None:
    """Start a daemon, to be ended with the stack."""
    log = stack.enter_context((folder / f"{Path(command[0]).name}.out").open("w"))
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    stack.callback(end, process)


def end(process: subprocess.Popen) -> None:
    """End a daemon."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def end_jobs(slurm: OneNode) -> None:
    """End what still runs: it would outlive the daemons."""
    slurm.told("scancel", f"--user={getpass.getuser()}")
    wait_for(lambda: not slurm.jobs("pending,running,completing"), 60)


def told_by(environment: dict[str, str], *command: str) -> str:
    """Return what a command prints, which may fail."""
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout
