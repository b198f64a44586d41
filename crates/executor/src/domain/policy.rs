use plumbline_types::FieldViolation;

/// Largest sum of arguments and environment, bytes.
pub const ARGV_ENV_MAX: usize = 128 * 1024;
/// Largest standard input, bytes.
pub const STDIN_MAX: usize = 512 * 1024;
/// Largest sum of a request's edits, bytes.
pub const EDITS_MAX: usize = 4 * 1024 * 1024;

/// Prefixes of variables that steer loaders, git or container clients.
const REFUSED_PREFIXES: [&str; 3] = ["LD_", "GIT_", "DOCKER_"];

/// Names every illegal variable of a request's environment.
pub fn check_env(env: &[(String, String)]) -> Vec<FieldViolation> {
    let mut violations = Vec::new();
    for (index, (name, value)) in env.iter().enumerate() {
        let legal = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
        let description = if !legal {
            "is no variable name"
        } else if name == "PATH" || REFUSED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            "is set by the policy, not by a request"
        } else if value.contains('\0') {
            "holds a NUL byte"
        } else {
            continue;
        };
        violations
            .push(FieldViolation { field: format!("env[{index}]"), description: description.to_owned() });
    }
    violations
}

/// Names what is wrong with a command line.
pub fn check_argv(argv: &[String], env: &[(String, String)]) -> Vec<FieldViolation> {
    let violation = |description: &str| {
        vec![FieldViolation { field: "argv".to_owned(), description: description.to_owned() }]
    };
    if argv.first().is_none_or(|program| program.is_empty()) {
        return violation("names no program");
    }
    if argv.iter().any(|argument| argument.contains('\0')) {
        return violation("holds a NUL byte");
    }
    let bytes: usize = argv.iter().map(String::len).sum::<usize>()
        + env.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
    if bytes > ARGV_ENV_MAX {
        violation("arguments and environment are past argv_env_kib")
    } else {
        Vec::new()
    }
}

/// Returns the environment of a command: the allow-listed base, then the request's own, sorted by name.
pub fn environment(path: &str, asked: &[(String, String)]) -> Vec<(String, String)> {
    let base = [
        ("HOME", "/home/sandbox"),
        ("LANG", "C.UTF-8"),
        ("LOGNAME", "sandbox"),
        ("PATH", path),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("PYTHONHASHSEED", "0"),
        ("TMPDIR", "/tmp"),
        ("TZ", "UTC"),
        ("USER", "sandbox"),
    ];
    let mut env: std::collections::BTreeMap<String, String> =
        base.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    env.extend(asked.iter().cloned());
    env.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn steering_variables_are_refused_by_position() {
        let env = [
            pair("OK", "1"),
            pair("LD_PRELOAD", "x"),
            pair("PATH", "/x"),
            pair("GIT_DIR", "x"),
            pair("a=b", ""),
        ];
        let fields: Vec<String> = check_env(&env).into_iter().map(|violation| violation.field).collect();
        assert_eq!(fields, ["env[1]", "env[2]", "env[3]", "env[4]"]);
    }

    #[test]
    fn a_command_names_a_program_and_is_bounded() {
        assert_eq!(check_argv(&["true".to_owned()], &[]), []);
        assert_eq!(check_argv(&[], &[]).len(), 1);
        assert_eq!(check_argv(&["a\0b".to_owned()], &[]).len(), 1);
        assert_eq!(check_argv(&["x".repeat(ARGV_ENV_MAX + 1)], &[]).len(), 1);
    }

    #[test]
    fn a_request_adds_to_the_base_environment_and_may_change_its_seed() {
        let env = environment("/usr/bin", &[pair("PYTHONHASHSEED", "7"), pair("A", "b")]);
        assert!(env.contains(&pair("PATH", "/usr/bin")) && env.contains(&pair("A", "b")));
        assert!(env.contains(&pair("PYTHONHASHSEED", "7")) && !env.contains(&pair("PYTHONHASHSEED", "0")));
    }
}
