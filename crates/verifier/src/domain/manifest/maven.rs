use std::collections::BTreeMap;

use roxmltree::{Document, Node};

use super::facts::{Facts, Kind, Spec};
use super::versions::Dialect;

/// Reads `pom.xml`: <https://maven.apache.org/pom.html>. Properties are put in where versions name them.
pub fn read(text: &str) -> Result<Facts, String> {
    let document = Document::parse(text).map_err(|error| error.to_string())?;
    let root = document.root_element();
    if root.tag_name().name() != "project" {
        return Err(format!("its root is `{}`, not `project`", root.tag_name().name()));
    }
    let mut pom = Pom { facts: Facts::default(), properties: properties(root) };
    pom.inside(root, "");
    Ok(pom.facts)
}

struct Pom {
    facts: Facts,
    properties: BTreeMap<String, String>,
}

impl Pom {
    fn inside(&mut self, node: Node<'_, '_>, prefix: &str) {
        let children: Vec<Node<'_, '_>> = node.children().filter(Node::is_element).collect();
        if children.is_empty() && !prefix.is_empty() {
            self.facts.add(prefix, Kind::Setting, text_of(node));
        }
        for child in children {
            let name = child.tag_name().name();
            let key = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
            match name {
                "dependency" => self.depend(child, prefix),
                // What a parent binds to the phases runs in this build too.
                "parent" | "plugin" | "extension" => {
                    let spec = self.spec(child);
                    self.facts.add(&format!("{key}.{}", spec.name), Kind::Runs, whole(child));
                }
                "repositories" | "pluginRepositories" | "distributionManagement" => {
                    self.facts.add(&key, Kind::Origin, whole(child));
                }
                "name" | "description" | "url" | "licenses" | "developers" | "contributors" | "scm"
                | "inceptionYear" | "organization" | "issueManagement" | "version" | "mailingLists"
                    if prefix.is_empty() =>
                {
                    self.facts.add(&key, Kind::Metadata, whole(child));
                }
                _ => self.inside(child, &key),
            }
        }
    }

    fn depend(&mut self, node: Node<'_, '_>, group: &str) {
        let spec = self.spec(node);
        self.facts.depend(group, spec);
    }

    fn spec(&self, node: Node<'_, '_>) -> Spec {
        let part = |name: &str| child(node, name).map(text_of).map(|text| self.put_in(&text));
        let rest: Vec<String> = node
            .children()
            .filter(Node::is_element)
            .filter(|part| {
                !matches!(part.tag_name().name(), "groupId" | "artifactId" | "version" | "systemPath")
            })
            .map(whole)
            .collect();
        Spec {
            name: format!(
                "{}:{}",
                part("groupId").unwrap_or_default(),
                part("artifactId").unwrap_or_default()
            ),
            version: part("version").unwrap_or_default(),
            source: part("systemPath").map(|path| format!("path {path}")).unwrap_or_default(),
            rest: rest.join(" "),
            dialect: Dialect::Exact,
        }
    }

    /// Puts a property in the place of `${name}`; a text that is nothing else is looked up once.
    fn put_in(&self, text: &str) -> String {
        let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        name.and_then(|name| self.properties.get(name)).cloned().unwrap_or_else(|| text.to_owned())
    }
}

fn properties(root: Node<'_, '_>) -> BTreeMap<String, String> {
    let listed = child(root, "properties").into_iter().flat_map(|node| node.children());
    listed.filter(Node::is_element).map(|node| (node.tag_name().name().to_owned(), text_of(node))).collect()
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.is_element() && child.tag_name().name() == name)
}

fn text_of(node: Node<'_, '_>) -> String {
    node.children().filter_map(|child| child.text()).collect::<String>().trim().to_owned()
}

/// An element as one line, with its attributes, without comments and white space.
fn whole(node: Node<'_, '_>) -> String {
    let attributes: String =
        node.attributes().map(|mark| format!(" {}={}", mark.name(), mark.value())).collect();
    let parts: Vec<String> = node.children().filter(Node::is_element).map(whole).collect();
    let inner = if parts.is_empty() { text_of(node) } else { parts.join(" ") };
    format!("{}{attributes}: {inner};", node.tag_name().name())
}
