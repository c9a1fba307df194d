//! What the guide says, as data: types, parser, validator, conditions.
