//! What the admin says: fields, validation, the saved file.
