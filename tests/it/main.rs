//! The tests of the whole: the library's rules, the binary's words, stories in real repositories.

mod events;
mod world;
