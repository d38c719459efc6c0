//! Whatever the text is.

use super::*;
