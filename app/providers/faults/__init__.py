"""What an upstream's refusal means to our caller."""

from app.providers.faults.exceptions import fault_of
from app.providers.faults.mapping import fault, fault_in_answer, retry_after_s

__all__ = ["fault", "fault_in_answer", "fault_of", "retry_after_s"]
