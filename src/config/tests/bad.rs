//! Each file in `config/bad` has one mistake, and its first line says the one problem that it must be.

use std::path::Path;

use super::*;

#[test]
fn each_bad_file_has_the_problem_it_says_and_no_other() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/bad");
    let mut seen = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let expected = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# "))
            .unwrap();
        let problems = Config::parse(name, &text).expect_err(name);
        let found: Vec<_> = problems.iter().map(problem::Problem::summary).collect();
        assert_eq!(found, [format!("{name}:{expected}")], "{problems}");
        let shown = problems.to_string();
        assert!(!shown.contains("S3CRET"), "{shown}");
        seen += 1;
    }
    assert!(seen > 50, "{seen}");
}
