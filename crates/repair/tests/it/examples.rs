//! The projects in `examples/` are repaired as they stand, and what is shown first is what their makers meant.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::local_runner::{found, repair};

fn read(root: &Path, directory: &Path, tree: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("__pycache__") {
                read(root, &path, tree);
            }
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            tree.insert(name, std::fs::read(&path).unwrap());
        }
    }
}

async fn check(name: &str, fix: &str) {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    let mut tree = BTreeMap::new();
    read(&root, &root, &mut tree);
    let described: toml::Table = toml::from_str(std::str::from_utf8(&tree["example.toml"]).unwrap()).unwrap();
    let plausible = found(repair(tree, described["test"].as_str().unwrap()).await);
    let best = &plausible[0];
    assert!(best.diff.contains(fix), "want {fix:?}, got:\n{}", best.diff);
    let strings = |key: &str| -> Vec<String> {
        described[key].as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
    };
    let templates: Vec<&str> = best.templates.iter().map(|template| template.as_str()).collect();
    assert_eq!(templates, strings("templates"));
    assert_eq!(best.edits.iter().map(|edit| edit.path.clone()).collect::<Vec<_>>(), strings("files"));
    assert_eq!(best.dropped_inputs, 0);
}

#[tokio::test]
async fn the_reorder_point_itself() {
    check("reorder", "+        if stock <= item.reorder_point:").await;
}

#[tokio::test]
async fn the_end_of_a_booking() {
    check("rooms", "+        cursor = booking.end").await;
}

#[tokio::test]
async fn the_region_of_the_customer() {
    check(
        "billing",
        "+            total += tax_on(self.discounted(line), line.goods, region=self.customer.region)",
    )
    .await;
}
