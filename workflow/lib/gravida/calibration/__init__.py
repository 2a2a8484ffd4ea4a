"""Is the engine right: simulated studies of known truth, and how often the analysis finds it."""

from gravida.calibration.run import CalibrationSettings, calibrate
from gravida.calibration.scenarios import SCENARIOS, Scenario

__all__ = ["SCENARIOS", "CalibrationSettings", "Scenario", "calibrate"]
