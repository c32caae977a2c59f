//! What no single crate can test: the workspace's shape, whole groups of signers, and hostile hosts. All of it is in `tests/`.
