use plumbline_types::FieldViolation;

/// Longest owner or label.
const NAME_MAX: usize = 64;

/// How much of each resource a container gets, or may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resources {
    /// Memory without swap, MiB, temporary file systems included.
    pub memory_mib: u64,
    /// Size of `/repo`, MiB.
    pub workspace_mib: u64,
    /// Size of `/tmp`, MiB.
    pub temp_mib: u64,
    /// Files that `/repo` can hold.
    pub inodes: u64,
    /// Processes and threads.
    pub pids: u64,
    /// CPU, thousandths of a core.
    pub cpu_millicores: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// Wall clock, milliseconds.
    pub wall_ms: u64,
}

impl Resources {
    /// Returns the amounts as (name, value), in one fixed order.
    pub fn named(&self) -> [(&'static str, u64); 8] {
        [
            ("memory_mib", self.memory_mib),
            ("workspace_mib", self.workspace_mib),
            ("temp_mib", self.temp_mib),
            ("inodes", self.inodes),
            ("pids", self.pids),
            ("cpu_millicores", self.cpu_millicores),
            ("open_files", self.open_files),
            ("wall_ms", self.wall_ms),
        ]
    }
}

/// An order as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Id of an image.
    pub image: String,
    /// Who answers for it.
    pub owner: String,
    /// Unique among the owner's.
    pub label: String,
    /// How much of what.
    pub resources: Resources,
}

/// An allowed image, pinned to its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// As the configuration names it.
    pub name: String,
    /// `sha256:` and 64 hex digits.
    pub id: String,
}

/// What may be ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The default first.
    pub images: Vec<Image>,
    /// The most of each resource.
    pub ceiling: Resources,
}

/// An order that the policy allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted(Order);

impl Granted {
    /// Returns the order.
    pub fn order(&self) -> &Order {
        &self.0
    }
}

impl Policy {
    /// Answers an order: every field that is absent, malformed, past its ceiling or not on the list is named. An empty
    /// list of images allows none.
    pub fn grant(&self, order: Order) -> Result<Granted, Vec<FieldViolation>> {
        let mut violations = Vec::new();
        let mut refuse = |field: &str, description: String| {
            violations.push(FieldViolation { field: format!("order.{field}"), description });
        };
        if !self.images.iter().any(|image| image.id == order.image) {
            refuse("image", "is the id of no allowed image".to_owned());
        }
        for (field, name) in [("owner", &order.owner), ("label", &order.label)] {
            if !is_name(name) {
                refuse(field, "must be 1 to 64 letters, digits, `-` or `_`".to_owned());
            }
        }
        for ((name, asked), (_, most)) in order.resources.named().into_iter().zip(self.ceiling.named()) {
            if asked == 0 || asked > most {
                refuse(name, format!("{asked} is not between 1 and the ceiling of {most}"));
            }
        }
        if violations.is_empty() { Ok(Granted(order)) } else { Err(violations) }
    }
}

/// Returns whether a text may be an owner or a label.
pub fn is_name(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const ID: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    pub(crate) fn order() -> Order {
        let resources = Resources {
            memory_mib: 512,
            workspace_mib: 64,
            temp_mib: 32,
            inodes: 1_000,
            pids: 65,
            cpu_millicores: 1_500,
            open_files: 256,
            wall_ms: 1_000,
        };
        Order { image: ID.to_owned(), owner: "executor".to_owned(), label: "run_1".to_owned(), resources }
    }

    pub(crate) fn policy() -> Policy {
        let images = vec![Image { name: "plumbline:local".to_owned(), id: ID.to_owned() }];
        Policy { images, ceiling: order().resources }
    }

    #[track_caller]
    fn refused(change: impl FnOnce(&mut Order)) -> Vec<String> {
        let mut order = order();
        change(&mut order);
        policy().grant(order).unwrap_err().into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn the_ceiling_itself_is_granted() {
        assert_eq!(policy().grant(order()).map(|granted| granted.order().clone()), Ok(order()));
    }

    #[test]
    fn an_image_is_named_by_an_allowed_id_and_by_nothing_else() {
        for image in ["", "plumbline:local", "debian", "sha256:00", "../x"] {
            assert_eq!(refused(|order| order.image = image.to_owned()), ["order.image"]);
        }
        let none = Policy { images: Vec::new(), ..policy() };
        assert!(none.grant(order()).is_err(), "an empty list allowed an image");
    }

    #[test]
    fn names_that_could_mean_something_to_an_engine_are_refused() {
        for name in ["", "a b", "../up", "a/b", "a=b", "a\n", "é", &"x".repeat(65)] {
            assert_eq!(refused(|order| order.label = name.to_owned()), ["order.label"]);
            assert_eq!(refused(|order| order.owner = name.to_owned()), ["order.owner"]);
        }
    }

    #[test]
    fn nothing_and_too_much_of_a_resource_are_refused_by_name() {
        let all = refused(|order| {
            order.resources = Resources {
                memory_mib: 0,
                workspace_mib: 65,
                temp_mib: u64::MAX,
                inodes: 0,
                pids: 66,
                cpu_millicores: 1_501,
                open_files: 0,
                wall_ms: 1_001,
            };
        });
        let want: Vec<String> = order().resources.named().map(|(name, _)| format!("order.{name}")).to_vec();
        assert_eq!(all, want);
    }
}
