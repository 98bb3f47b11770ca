//! Servers of other projects.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use goldcrest_tests::Program;

/// A server that runs, and where.
pub(crate) struct OtherServer {
    _program: Program,
    /// Without a path: `http://127.0.0.1:1234`.
    pub(crate) url: String,
}

/// The folder `tests`.
pub(crate) fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Python with the packages of `tests/suites/requirements.txt`.
pub(crate) fn python() -> PathBuf {
    tests().join("suites/.venv/bin/python")
}

impl OtherServer {
    fn of(program: Program) -> Self {
        let line = program.wait_for_line("listening at ");
        let url = line.split_once("listening at ").unwrap().1.to_owned();
        Self { _program: program, url }
    }

    /// npm's `ws` and Node's http.
    pub(crate) fn node() -> Self {
        Self::node_with(&[])
    }

    /// The same by TLS, with a certificate and its key, in PEM.
    pub(crate) fn node_tls(certificate: &Path, key: &Path) -> Self {
        Self::node_with(&[certificate.to_str().unwrap(), key.to_str().unwrap()])
    }

    /// A proxy that answers once it has the whole answer of the server at this URL.
    pub(crate) fn collector(upstream: &str) -> Self {
        Self::script("collect.mjs", &[upstream])
    }

    fn node_with(arguments: &[&str]) -> Self {
        Self::script("node.mjs", arguments)
    }

    fn script(name: &str, arguments: &[&str]) -> Self {
        let script = tests().join("suites/command").join(name);
        let arguments = [&[script.to_str().unwrap()], arguments].concat();
        Self::of(Program::other(Path::new("node"), &arguments))
    }

    /// A server in Python.
    pub(crate) fn python(script: &str) -> Self {
        let script = tests().join("suites/command").join(script);
        Self::of(Program::other(&python(), &["-u", script.to_str().unwrap()]))
    }

    /// nginx before `upstream` (an address and a port), with these lines in its `location /`.
    pub(crate) fn nginx(upstream: &str, location: &str) -> Self {
        let dir = folder("nginx");
        let address = free_address();
        let path = dir.display();
        let config = format!(
            "daemon off; master_process off; pid {path}/pid; error_log stderr info; events {{}}
             http {{
                 access_log off;
                 client_body_temp_path {path}/a; proxy_temp_path {path}/b; fastcgi_temp_path {path}/c;
                 scgi_temp_path {path}/d; uwsgi_temp_path {path}/e;
                 server {{
                     listen {address};
                     location / {{ proxy_pass http://{upstream}; proxy_set_header Host localhost; {location} }}
                 }}
             }}"
        );
        let file = dir.join("nginx.conf");
        fs::write(&file, config).unwrap();
        let program = Program::other(Path::new("nginx"), &["-p", dir.to_str().unwrap(), "-c", file.to_str().unwrap()]);
        // It has bound its socket before it says this.
        program.wait_for_line("getrlimit(RLIMIT_NOFILE)");
        Self { _program: program, url: format!("http://{address}") }
    }

    /// The URL of a path, in `ws` or `wss`.
    pub(crate) fn ws(&self, path: &str) -> String {
        format!("{}{path}", self.url.replacen("http", "ws", 1))
    }

    /// The URL of a path.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

/// An address of the loopback without a listener.
pub(crate) fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A folder of its own.
pub(crate) fn folder(name: &str) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}
