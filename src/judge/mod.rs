//! Decides one packet, written from SPEC §2 alone: the third witness beside proof and golden files.
