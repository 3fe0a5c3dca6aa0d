//! Checks of the resolved policy (SPEC §3): one file a code. Z0 is found by reading and resolving.
