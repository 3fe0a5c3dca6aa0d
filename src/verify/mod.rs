//! What a change opens and closes, expectations, traces: proved on spaces, not sampled.
