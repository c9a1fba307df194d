//! Makes a lab: people, mail, queue, directory, host folders.
