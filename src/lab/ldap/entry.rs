//! Entries: attributes in their order, values as raw bytes.

/// One attribute of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The name as it was first given, options included.
    pub name: String,
    /// The values, in their order.
    pub values: Vec<Vec<u8>>,
}

impl Attribute {
    /// Returns the name without options (`cn;lang-de` → `cn`).
    pub fn base(&self) -> &str {
        base(&self.name)
    }
}

/// Returns an attribute description without its options.
pub fn base(name: &str) -> &str {
    name.split_once(';').map_or(name, |(base, _)| base)
}

/// An entry of the directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The name as it was given.
    pub dn: String,
    /// The attributes.
    pub attributes: Vec<Attribute>,
}

impl Entry {
    /// Makes an entry without attributes.
    pub fn new(dn: impl Into<String>) -> Self {
        Self {
            dn: dn.into(),
            attributes: Vec::new(),
        }
    }

    /// Adds values to an attribute, making it when there is none.
    pub fn push(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        match self.position(name) {
            Some(at) => {
                if let Some(attribute) = self.attributes.get_mut(at) {
                    attribute.values.push(value.into());
                }
            }
            None => self.attributes.push(Attribute {
                name: name.to_owned(),
                values: vec![value.into()],
            }),
        }
    }

    /// Replaces all values of an attribute by one.
    pub fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.attributes
            .retain(|a| !a.name.eq_ignore_ascii_case(name));
        self.push(name, value);
    }

    /// Returns the place of an attribute, by its name as given (any case).
    pub fn position(&self, name: &str) -> Option<usize> {
        self.attributes
            .iter()
            .position(|a| a.name.eq_ignore_ascii_case(name))
    }

    /// Returns the values of an attribute; none when the entry does not have it.
    pub fn values(&self, name: &str) -> &[Vec<u8>] {
        self.position(name)
            .and_then(|at| self.attributes.get(at))
            .map_or(&[], |a| a.values.as_slice())
    }

    /// Returns the first value of an attribute as text, when it is text.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.values(name)
            .first()
            .and_then(|v| std::str::from_utf8(v).ok())
    }

    /// Returns the values of an attribute that are text.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        self.values(name)
            .iter()
            .filter_map(|v| std::str::from_utf8(v).ok())
            .collect()
    }

    /// Returns whether the entry has an object class.
    pub fn is_a(&self, class: &str) -> bool {
        self.texts("objectClass")
            .iter()
            .any(|c| c.eq_ignore_ascii_case(class))
    }
}
