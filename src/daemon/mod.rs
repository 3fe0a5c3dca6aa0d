//! The daemon: a pure step function, one loop, the control socket.
