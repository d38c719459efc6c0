//! What a configuration means, what is suspicious about it, and how problems look.

use super::*;
