//! Maps from numbers to pointers.
