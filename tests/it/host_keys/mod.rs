//! Host keys: what a `known_hosts` line may be, and what a look at a server finds, judged by
//! OpenSSH's own `sshd`, `ssh-keyscan` and `ssh-keygen`, and by servers that lie.

mod line;
mod openssh;
pub(crate) mod practice;
mod scan;
