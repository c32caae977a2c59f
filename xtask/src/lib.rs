//! Cloister's chores, as a library so that the workspace's tests share them with the command.

pub mod deny;
pub mod emulator;
pub mod fuzz;
pub mod image;
pub mod install;
pub mod linked;
pub mod step;
pub mod tcb;
