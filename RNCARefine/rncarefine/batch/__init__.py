"""Batch repair of cohorts: find cases, repair them in parallel, resume interrupted runs."""
