//! Questions with a live answer: `ok`, `warning`, `failed`, `unknown`; one file a check family.
