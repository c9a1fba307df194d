//! The lab's LDAP server: durable, schema enforced.
