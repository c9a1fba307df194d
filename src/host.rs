//! Where and how anything is done on a host: every act is an argv from one closed list.
