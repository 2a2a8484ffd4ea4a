"""Names that schemas and others share: for them nobody has to wait for pandera, which imports slowly."""

# What an adverse event can be.
TERMS = (
    "headache",
    "fever",
    "rash",
    "infection",
    "chest_pain",
    "vomiting",
    "arthralgia",
    "aseptic_meningitis",
    "thrombosis",
    "renal_failure",
    "anaphylaxis",
    "haemolysis",
    "other",
)
# The registry among published studies.
RESERVED = "This registry"
