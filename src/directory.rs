//! LDAP: connect, read, schema, rules, writer, undo.
