//! The C library as its users meet it: header, installation, symbols, a program in C, misuse.
//!
//! The library is built by the installer itself. Wants a C compiler, binutils and pkg-config; valgrind checks memory.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed helper fails the test")]

use std::{
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::LazyLock,
};

use callprint::{Index, index::IndexBuilder};
use end_to_end::{clip, corpus, root};

/// The library, installed once for all tests.
static INSTALLED: LazyLock<PathBuf> = LazyLock::new(|| {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let stage = temporary.join("c-stage");
    let _ = std::fs::remove_dir_all(&stage);
    // The folder that this test was built in, named in another way than the environment's: only cargo knows all of them.
    let target = temporary.parent().unwrap();
    let mut install = installer("/opt/callprint");
    succeeded(install.env("DESTDIR", &stage).env_remove("CARGO_TARGET_DIR").env("CARGO_BUILD_TARGET_DIR", target));
    stage
});

/// As someone installs it whose new files nobody else may read.
fn installer(prefix: &str) -> Command {
    let mut install = Command::new("bash");
    install.args(["-c", "umask 077 && exec bash \"$0\""]).arg(root().join("core/capi/install.sh"));
    install.env("PREFIX", prefix);
    install
}

fn succeeded(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

fn lib() -> PathBuf {
    INSTALLED.join("opt/callprint/lib")
}

/// What pkg-config says, with paths into the stage.
fn pkg_config(arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new("pkg-config");
    command.env("PKG_CONFIG_PATH", lib().join("pkgconfig")).env("PKG_CONFIG_SYSROOT_DIR", &*INSTALLED);
    succeeded(command.args(arguments).arg("callprint")).split_whitespace().map(str::to_owned).collect()
}

/// Compiles a C file against the installed library with all warnings as errors.
fn compile(source: &Path, name: &str, flags: &[&str]) -> PathBuf {
    let program = INSTALLED.join(name);
    let mut cc = Command::new("cc");
    cc.args(["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wredundant-decls", "-Werror", "-g", "-o"]);
    cc.arg(&program).arg(source);
    succeeded(cc.args(flags).args(pkg_config(&["--cflags", "--libs"])));
    program
}

/// Runs a program with the samples of a call on standard input.
fn fed(command: &mut Command, samples: &[f32]) -> Output {
    let bytes: Vec<u8> = samples.iter().flat_map(|s| ((s * 32_768.0) as i16).to_le_bytes()).collect();
    command.env("LD_LIBRARY_PATH", lib()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output
}

/// Errors and leaks end it with a status of their own.
const VALGRIND: [&str; 4] =
    ["-q", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite,possible"];

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_header_is_what_the_source_says() {
    let config = cbindgen::Config::from_file(root().join("core/capi/cbindgen.toml")).unwrap();
    // The other files are found from this one; naming them, too, would declare their functions twice.
    let builder = cbindgen::Builder::new().with_config(config).with_src(root().join("core/src/capi/mod.rs"));
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let path = root().join("core/capi/callprint.h");
    if std::env::var_os("CALLPRINT_UPDATE_HEADER").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read(&path).unwrap_or_default();
    assert!(made == kept, "core/capi/callprint.h is out of date: run this test with CALLPRINT_UPDATE_HEADER=1");
}

#[test]
fn the_shared_library_shows_its_own_symbols_only_and_has_a_name() {
    let shared = lib().join("libcallprint.so");
    let symbols = succeeded(Command::new("nm").args(["-D", "--defined-only", "--format=posix"]).arg(&shared));
    let names: Vec<&str> = symbols.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.iter().all(|n| n.starts_with("callprint_") || *n == "CALLPRINT_1"), "{names:?}");
    assert!(names.iter().any(|n| n.starts_with("callprint_session_feed_i16")), "{names:?}");
    let dynamic = succeeded(Command::new("objdump").arg("-p").arg(&shared));
    assert!(dynamic.contains("libcallprint.so.1"), "{dynamic}");
}

#[test]
fn everyone_may_read_what_is_installed() {
    let modes = [
        ("include/callprint.h", 0o644),
        ("lib/libcallprint.a", 0o644),
        ("lib/libcallprint.so", 0o755),
        ("lib/pkgconfig/callprint.pc", 0o644),
        ("lib/pkgconfig", 0o755),
    ];
    for (name, mode) in modes {
        let installed = std::fs::metadata(INSTALLED.join("opt/callprint").join(name)).unwrap();
        assert_eq!(installed.permissions().mode() & 0o777, mode, "{name}");
    }
}

#[test]
fn the_example_names_the_robot_with_either_library() {
    let samples = clip(corpus("samples/dental-gsm.wav"));
    let source = root().join("examples/c/listen.c");
    let shared = compile(&source, "listen", &[]);
    let output = fed(&mut Command::new(&shared), &samples);
    let lines = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{lines}{}", text(&output.stderr));
    assert!(lines.contains("  match  dental-01 (") && lines.trim_end().ends_with("ended"), "{lines}");

    let fixed = INSTALLED.join("listen-static");
    let mut cc = Command::new("cc");
    cc.arg("-o").arg(&fixed).arg(&source).args(pkg_config(&["--cflags"])).arg(lib().join("libcallprint.a"));
    succeeded(cc.args(["-lgcc_s", "-lpthread", "-ldl", "-lm"]));
    assert_eq!(text(&fed(&mut Command::new(&fixed), &samples).stdout), lines);

    let silent = fed(&mut Command::new(&shared), &[0.0; 8000]);
    assert_eq!((silent.status.code(), text(&silent.stdout).trim()), (Some(1), "1.00 s  ended"));
    // Its memory, too: two seconds, because with valgrind each takes a while.
    let mut valgrind = Command::new("valgrind");
    valgrind.args(VALGRIND).arg(&shared);
    let checked = fed(&mut valgrind, &samples[3 * 8000..5 * 8000]);
    assert!(checked.status.code().is_some_and(|code| code < 2), "{}{}", text(&checked.stdout), text(&checked.stderr));
    assert!(text(&checked.stdout).trim_end().ends_with("2.00 s  ended"), "{}", text(&checked.stdout));
    let missing = fed(Command::new(&shared).arg("no-such.cpi"), &[]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("no-such.cpi"), "{}", text(&missing.stderr));
}

#[test]
fn misuse_is_answered_and_memory_is_clean() {
    let program = compile(&root().join("tests/c/misuse.c"), "misuse", &["-pthread"]);
    let samples = clip(corpus("samples/dental-gsm.wav"));
    // Two seconds: with valgrind each takes a while.
    let piece = &samples[3 * 8000..5 * 8000];
    let output = fed(&mut Command::new(&program), piece);
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    let mut valgrind = Command::new("valgrind");
    let output = fed(valgrind.args(VALGRIND).arg(&program), piece);
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn a_service_feeds_on_any_thread_keeps_records_and_exchanges_its_index() {
    let program = compile(&root().join("tests/c/service.c"), "service", &["-pthread"]);
    let mut other = IndexBuilder::from_index(&Index::builtin().unwrap());
    other.remove("dental-01").unwrap();
    let mut bytes = other.to_bytes().unwrap();
    let [whole, damaged] = ["other.cpi", "damaged.cpi"].map(|name| INSTALLED.join(name));
    std::fs::write(&whole, &bytes).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&damaged, &bytes).unwrap();
    let samples = clip(corpus("samples/dental-gsm.wav"));
    let output = fed(Command::new(&program).arg(whole).arg(damaged), &samples);
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn a_relative_prefix_is_refused() {
    // It would be relative to the repository here, and to wherever the library is used there.
    let output = installer("opt").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("PREFIX is \"opt\""), "{}", text(&output.stderr));
}

#[test]
fn the_header_is_good_for_cpp_too() {
    let source = INSTALLED.join("header.cc");
    std::fs::write(&source, "#include <callprint.h>\nint main() { return callprint_abi_version() != 1; }\n").unwrap();
    let program = INSTALLED.join("header");
    let mut cpp = Command::new("c++");
    cpp.args(["-std=c++11", "-pedantic", "-Wall", "-Wextra", "-Wredundant-decls", "-Werror", "-o"]);
    cpp.arg(&program).arg(&source);
    succeeded(cpp.args(pkg_config(&["--cflags", "--libs"])));
    succeeded(Command::new(&program).env("LD_LIBRARY_PATH", lib()));
}
