"""The ServiceNow stand-in: Table, Batch and Aggregate API over rows that obey the rules of incidents."""

from tieline.connectors.sandbox.servicenow.answers import Refusal
from tieline.connectors.sandbox.servicenow.moments import Preferences
from tieline.connectors.sandbox.servicenow.rules import STOCK_MATRIX, Abort, BusinessRule
from tieline.connectors.sandbox.servicenow.sandbox import ServiceNowSandbox

__all__ = ["STOCK_MATRIX", "Abort", "BusinessRule", "Preferences", "Refusal", "ServiceNowSandbox"]
