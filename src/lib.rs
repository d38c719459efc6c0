//! The regional gateway of Onetime Secret.
