//! What a journal says, as text for people and machines.
