//! The lab's process: directory server, job controller, listeners, control socket.
