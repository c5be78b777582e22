"""Translate upstreams' errors into the gateway's."""

from app.providers.faults.exceptions import fault_of_exception
from app.providers.faults.mapping import fault_in_answer, fault_of_status, retry_after_s

__all__ = ["fault_in_answer", "fault_of_exception", "fault_of_status", "retry_after_s"]
