//! The tests of the whole: the library's rules, the binary's words, stories in real repositories.

mod attacks;
mod bad_input;
mod events;
mod docs;
mod layers;
mod vectors;
mod world;
