"""Returns the template's alarms and dashboards."""

from collections.abc import Iterable, Mapping
from typing import Any

from models.tables import Table
from workflows.deployment.template.intrinsics import Resource
from workflows.deployment.template.monitoring.alarms import alarm_resources
from workflows.deployment.template.monitoring.business import business_widgets
from workflows.deployment.template.monitoring.performance import performance_widgets
from workflows.deployment.template.monitoring.widgets import dashboard
from workflows.handlers import Function


def monitoring_resources(
    tables: Iterable[type[Table]], functions: Mapping[str, Function], machines: Mapping[str, Any]
) -> dict[str, Resource]:
    """Return the alarms, which tell the admins' topic, and the dashboards, one of them of workflows only."""
    performance = performance_widgets(tables, functions, machines)
    dashboards = {"WorkflowPerformance": dashboard("workflow-performance", performance)}
    if machines:
        dashboards["BusinessMetrics"] = dashboard("business-metrics", business_widgets())
    return {**alarm_resources(functions, machines), **dashboards}
