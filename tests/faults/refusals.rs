//! What must be refused is refused under fire, too: a check that cannot be made is not a check that was passed.
