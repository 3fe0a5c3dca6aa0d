//! Keeps the kernel equal to the policy.
