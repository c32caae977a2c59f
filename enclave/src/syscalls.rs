//! The system calls that a serving enclave may make. Any other ends it at once, and so does an argument that is not listed.
//!
//! This is the list to review; every line says why it is there. What a thread has open when it begins to serve is all that it will ever
//! have: nothing here opens a file, makes a socket, starts a program or makes memory executable.

use std::{collections::BTreeMap, env, io};

use nix::libc;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};

/// `name, reason, [conditions] or [conditions] …`; without brackets, any arguments will do.
macro_rules! calls {
    ($table:ident: $($name:ident $reason:literal $([$($condition:expr),+])*)+) => {
        fn $table() -> Result<Rules, BackendError> {
            Ok(Rules::from([$((libc::$name, vec![$(SeccompRule::new(vec![$($condition?),+])?),*])),+]))
        }
    };
}

calls! { allowed:
    // The host.
    SYS_accept4       "the next connection"                                   [is(3, libc::SOCK_CLOEXEC)]
    SYS_setsockopt    "timeouts of a connection, and nothing else of it"      [is(1, libc::SOL_SOCKET), is(2, libc::SO_RCVTIMEO)]
                                                                              [is(1, libc::SOL_SOCKET), is(2, libc::SO_SNDTIMEO)]
    SYS_recvfrom      "reads frames"
    SYS_sendto        "writes frames"
    SYS_connect       "the heartbeat: its socket is the only one that is neither connected nor listening, and none can be made"
    SYS_close         "the end of a connection"

    // The device, time, randomness, the console.
    SYS_ioctl         "asks the NSM"                                          [is(1, NSM_REQUEST)]
    SYS_clock_gettime "time, where the kernel's clock cannot be read without a call"
    SYS_getrandom     "randomness"
    SYS_write         "the console's fixed sentences"                         [is(0, libc::STDOUT_FILENO)]

    // Memory: anonymous, never executable.
    SYS_mmap          "large blocks, arenas and stacks"                       [masked(2, libc::PROT_EXEC, 0), masked(3, libc::MAP_ANONYMOUS, libc::MAP_ANONYMOUS)]
    SYS_mprotect      "grows an arena, opens a stack above its guard"         [masked(2, libc::PROT_EXEC, 0)]
    SYS_mremap        "grows a large block"                                   [is(3, libc::MREMAP_MAYMOVE)]
    SYS_madvise       "gives back the pages of a stack that ended"            [is(2, libc::MADV_DONTNEED)]
    SYS_munmap        "gives back large blocks, arenas and stacks"
    SYS_brk           "the main arena"

    // A thread for each connection: no processes.
    SYS_clone         "starts a thread, and nothing that is not one"          [is(0, THREAD)]
    SYS_clone3        "see `missing`"
    SYS_rt_sigaction  "the C library, before the first thread, for changes of user, which are not on this list" [is(0, SIGSETXID)]
    SYS_rt_sigprocmask "the C library, around the start and end of a thread"
    SYS_set_robust_list "the C library, in a new thread"
    SYS_rseq          "the C library, in a new thread"
    SYS_gettid        "a new thread's number"
    SYS_sched_getaffinity "a new thread looks for the end of its stack; the allocator counts processors"
    SYS_sigaltstack   "where a thread finds out that its stack is full"
    SYS_futex         "waits for and frees locks: no priorities, no requeueing" [masked(1, FUTEX_OPERATION, libc::FUTEX_WAIT)]
                                                                              [masked(1, FUTEX_OPERATION, libc::FUTEX_WAKE)]
                                                                              [masked(1, FUTEX_OPERATION, libc::FUTEX_WAIT_BITSET)]
                                                                              [masked(1, FUTEX_OPERATION, libc::FUTEX_WAKE_BITSET)]
    SYS_exit          "the end of a thread"

    // The end.
    SYS_getpid        "asks whether this is the first process, which ends the enclave"
    SYS_reboot        "ends the enclave"                                      [is(2, libc::LINUX_REBOOT_CMD_RESTART)]
    SYS_exit_group    "ends the process where it isn't the first"
    SYS_openat        "see `missing`"                                         [is(2, READ_ONLY)]
}

// Calls which the C library tries and can do without: it is told that the kernel doesn't have them.
calls! { missing:
    SYS_clone3        "its flags lie in memory, where no filter sees them; the library then falls back to clone"
    SYS_openat        "the allocator looks into /proc before it shrinks an arena, and is content when it isn't there" [is(2, READ_ONLY)]
}

/// Restricts every thread of this process, and those that they will start, to these calls.
///
/// # Errors
/// If the kernel has no filters.
pub fn confine() -> io::Result<()> {
    install(missing(), SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS.cast_unsigned()))?;
    install(allowed(), SeccompAction::KillProcess, SeccompAction::Allow)
}

fn install(rules: Result<Rules, BackendError>, otherwise: SeccompAction, then: SeccompAction) -> io::Result<()> {
    let compile = || {
        let filter = SeccompFilter::new(rules?, otherwise, then, TargetArch::try_from(env::consts::ARCH)?)?;
        BpfProgram::try_from(filter)
    };
    let program = compile().map_err(io::Error::other)?;
    apply_filter_all_threads(&program).map_err(io::Error::other)
}

/// All arguments that are compared are 32 bits wide to the kernel, too.
fn is(argument: u8, value: impl Into<i64>) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Dword, SeccompCmpOp::Eq, value.into().cast_unsigned())
}

fn masked(argument: u8, mask: i32, value: i32) -> Result<SeccompCondition, BackendError> {
    let [mask, value] = [mask, value].map(|number| i64::from(number).cast_unsigned());
    SeccompCondition::new(argument, Dword, SeccompCmpOp::MaskedEq(mask), value)
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// The one request that the NSM's driver knows by that number: `_IOWR(0x0a, 0, struct nsm_raw)`.
const NSM_REQUEST: u32 = 0xc020_0a00;

/// By which the C library has all threads change their user.
const SIGSETXID: i32 = 33;

/// What the C library asks for when it starts a thread. Without any of these it would be something else that starts.
const THREAD: i32 = libc::CLONE_VM
    | libc::CLONE_FS
    | libc::CLONE_FILES
    | libc::CLONE_SIGHAND
    | libc::CLONE_THREAD
    | libc::CLONE_SYSVSEM
    | libc::CLONE_SETTLS
    | libc::CLONE_PARENT_SETTID
    | libc::CLONE_CHILD_CLEARTID;

/// Without the flags of the operation.
const FUTEX_OPERATION: i32 = !(libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME);

const READ_ONLY: i32 = libc::O_RDONLY | libc::O_CLOEXEC;
