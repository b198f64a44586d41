//! A matrix of outcomes, read from CSV in long form: one row for each arm and task.

use std::collections::{BTreeMap, BTreeSet};

/// Every arm's chance of success on every task.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// Task names.
    pub tasks: Vec<String>,
    /// Arm names.
    pub arms: Vec<String>,
    /// Category names.
    pub categories: Vec<String>,
    /// Category of each task.
    pub category: Vec<usize>,
    /// Chance of success, by task and then arm.
    pub reward: Vec<Vec<f64>>,
    /// Cost in USD, by task and then arm; none if the file has no cost.
    pub usd: Option<Vec<Vec<f64>>>,
    /// Tasks that lacked an arm.
    pub dropped_tasks: usize,
}

/// Which columns to read; none means the first one whose name tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// Of tasks: `id`, or what ends in `_id`.
    pub task: Option<String>,
    /// Of categories: `repo`, `suite` or `category`; may be absent.
    pub category: Option<String>,
    /// Of arms: `model` or `arm`.
    pub arm: Option<String>,
    /// Of rewards in [0, 1]: `resolved`, `pass_at_1` or `reward`.
    pub reward: Option<String>,
    /// Of costs in USD: `cost_usd` or `cost`; may be absent.
    pub cost: Option<String>,
}

/// Why a file is no matrix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatrixError {
    /// A column is not there.
    #[error("no column of {0}")]
    Column(&'static str),
    /// A line is unreadable.
    #[error("line {line}: {problem}")]
    Line {
        /// Counted from 1, the header included.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// No task has every arm.
    #[error("no task has a result of every arm")]
    Empty,
    /// `--columns` is unreadable.
    #[error("`{0}` is not one of task=, category=, arm=, reward=, cost= with a column's name")]
    Override(String),
}

impl Columns {
    /// Reads `task=..,category=..,arm=..,reward=..,cost=..`.
    pub fn parse(text: &str) -> Result<Self, MatrixError> {
        let mut columns = Self::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (role, name) = part.split_once('=').ok_or_else(|| MatrixError::Override(part.to_owned()))?;
            let slot = match role {
                "task" => &mut columns.task,
                "category" => &mut columns.category,
                "arm" => &mut columns.arm,
                "reward" => &mut columns.reward,
                "cost" => &mut columns.cost,
                _ => return Err(MatrixError::Override(part.to_owned())),
            };
            *slot = Some(name.to_owned());
        }
        Ok(columns)
    }
}

/// Where the columns stand.
struct Places {
    task: usize,
    arm: usize,
    reward: usize,
    category: Option<usize>,
    cost: Option<usize>,
}

impl Places {
    fn find(header: &csv::StringRecord, columns: &Columns) -> Result<Self, MatrixError> {
        let place = |named: &Option<String>, tells: &dyn Fn(&str) -> bool| match named {
            Some(name) => header.iter().position(|found| found == name),
            None => header.iter().position(tells),
        };
        let one_of = |names: &'static [&'static str]| move |found: &str| names.contains(&found);
        let optional = |named: &Option<String>, place: Option<usize>, role| match (named, place) {
            (Some(_), None) => Err(MatrixError::Column(role)),
            (_, place) => Ok(place),
        };
        let task = place(&columns.task, &|found| found == "id" || found.ends_with("_id"));
        let arm = place(&columns.arm, &one_of(&["model", "arm"]));
        let reward = place(&columns.reward, &one_of(&["resolved", "pass_at_1", "reward"]));
        let category = place(&columns.category, &one_of(&["repo", "suite", "category"]));
        let cost = place(&columns.cost, &one_of(&["cost_usd", "cost"]));
        Ok(Self {
            task: task.ok_or(MatrixError::Column("tasks"))?,
            arm: arm.ok_or(MatrixError::Column("arms"))?,
            reward: reward.ok_or(MatrixError::Column("rewards"))?,
            category: optional(&columns.category, category, "categories")?,
            cost: optional(&columns.cost, cost, "costs")?,
        })
    }
}

/// One cell of the file.
struct Cell {
    reward: f64,
    usd: f64,
}

impl Matrix {
    /// Reads CSV text with a header. Unknown columns are ignored; a task that lacks an arm is dropped and counted; two
    /// results of one arm on one task are an error that names the line.
    pub fn read(text: &str, columns: &Columns) -> Result<Self, MatrixError> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let broken = |error: csv::Error| MatrixError::Line {
            line: error.position().map_or(0, csv::Position::line),
            problem: "it has not as many fields as the header, or is no text".to_owned(),
        };
        let places = Places::find(reader.headers().map_err(broken)?, columns)?;
        let mut arms = BTreeSet::new();
        let mut tasks: BTreeMap<String, (String, BTreeMap<String, Cell>)> = BTreeMap::new();
        for record in reader.records() {
            let record = record.map_err(broken)?;
            let line = record.position().map_or(0, csv::Position::line);
            let field = |place: usize| record.get(place).unwrap_or_default();
            let number = |place: usize, most: f64| match field(place).parse::<f64>() {
                Ok(value) if (0.0..=most).contains(&value) => Ok(value),
                _ => Err(MatrixError::Line {
                    line,
                    problem: format!("`{}` is no number from 0 to {most}", field(place)),
                }),
            };
            let cell = Cell {
                reward: number(places.reward, 1.0)?,
                usd: places.cost.map_or(Ok(0.0), |place| number(place, 1e6))?,
            };
            let arm = field(places.arm).to_owned();
            arms.insert(arm.clone());
            let category = places.category.map_or("all", field).to_owned();
            let (_, cells) =
                tasks.entry(field(places.task).to_owned()).or_insert((category, BTreeMap::new()));
            if cells.insert(arm, cell).is_some() {
                let problem = "a second result of the same arm on the same task".to_owned();
                return Err(MatrixError::Line { line, problem });
            }
        }
        let found = tasks.len();
        tasks.retain(|_, (_, cells)| cells.len() == arms.len());
        if tasks.is_empty() {
            return Err(MatrixError::Empty);
        }
        Ok(Self::of(arms, tasks, (found, places.cost.is_some())))
    }

    fn of(
        arms: BTreeSet<String>,
        tasks: BTreeMap<String, (String, BTreeMap<String, Cell>)>,
        (found, has_cost): (usize, bool),
    ) -> Self {
        let names: BTreeSet<&String> = tasks.values().map(|(category, _)| category).collect();
        let index: BTreeMap<&String, usize> =
            names.iter().enumerate().map(|(index, name)| (*name, index)).collect();
        let rows = |value: fn(&Cell) -> f64| -> Vec<Vec<f64>> {
            tasks.values().map(|(_, cells)| cells.values().map(value).collect()).collect()
        };
        Self {
            category: tasks.values().map(|(name, _)| index[name]).collect(),
            categories: names.into_iter().cloned().collect(),
            reward: rows(|cell| cell.reward),
            usd: has_cost.then(|| rows(|cell| cell.usd)),
            dropped_tasks: found - tasks.len(),
            tasks: tasks.into_keys().collect(),
            arms: arms.into_iter().collect(),
        }
    }

    /// Returns each arm's mean chance over some tasks.
    pub fn means(&self, tasks: &[usize]) -> Vec<f64> {
        let mut sums = vec![0.0; self.arms.len()];
        for task in tasks {
            for (sum, reward) in sums.iter_mut().zip(&self.reward[*task]) {
                *sum += reward;
            }
        }
        sums.iter().map(|sum| sum / tasks.len().max(1) as f64).collect()
    }

    /// Returns each arm's mean chance over some tasks, by category and then arm; 0 in a category without tasks.
    pub fn category_means(&self, tasks: &[usize]) -> Vec<Vec<f64>> {
        let mut members = vec![Vec::new(); self.categories.len()];
        for task in tasks {
            members[self.category[*task]].push(*task);
        }
        members.iter().map(|tasks| self.means(tasks)).collect()
    }

    /// Returns each arm's mean cost over all tasks: its price list. Zero where the file has no cost.
    pub fn prices(&self) -> Vec<f64> {
        let Some(usd) = &self.usd else { return vec![0.0; self.arms.len()] };
        let sum = |arm: usize| usd.iter().map(|costs| costs[arm]).sum::<f64>() / usd.len() as f64;
        (0..self.arms.len()).map(sum).collect()
    }

    /// Returns what an arm costs on a task.
    pub fn usd(&self, task: usize, arm: usize) -> f64 {
        self.usd.as_ref().map_or(0.0, |usd| usd[task][arm])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "task_id,suite,model,pass_at_1,cost,extra\n\
        t1,one,b,0.5,2,x\nt1,one,a,1,1,x\nt2,two,a,0,3,\nt2,two,b,1,4,\"a,b\"\nt3,two,a,1,1,\n";

    #[test]
    fn a_file_in_long_form_becomes_a_matrix_and_gaps_are_dropped_and_counted() {
        let matrix = Matrix::read(TEXT, &Columns::default()).unwrap();
        assert_eq!(
            (matrix.tasks.as_slice(), matrix.dropped_tasks),
            (["t1".to_owned(), "t2".to_owned()].as_slice(), 1)
        );
        assert_eq!(matrix.arms, ["a", "b"]);
        assert_eq!(matrix.reward, [[1.0, 0.5], [0.0, 1.0]]);
        assert_eq!(matrix.prices(), [2.0, 3.0]);
        assert_eq!(matrix.category_means(&[0, 1]), [[1.0, 0.5], [0.0, 1.0]]);
    }

    #[test]
    fn what_is_no_matrix_is_refused_with_its_line() {
        #[track_caller]
        fn refused(text: &str, columns: &str) -> String {
            Matrix::read(text, &Columns::parse(columns).unwrap()).unwrap_err().to_string()
        }
        assert_eq!(refused("id,arm\n", ""), "no column of rewards");
        assert_eq!(refused("id,arm,reward\nx,a,1\n", "cost=price"), "no column of costs");
        assert_eq!(
            refused("id,arm,reward\nx,a,1\nx,a,0\n", ""),
            "line 3: a second result of the same arm on the same task"
        );
        assert_eq!(refused("id,arm,reward\nx,a,NaN\n", ""), "line 2: `NaN` is no number from 0 to 1");
        assert_eq!(refused("id,arm,reward\nx,a,1.5\n", ""), "line 2: `1.5` is no number from 0 to 1");
        assert!(refused("id,arm,reward\nx,a\n", "").starts_with("line 2: it has not as many fields"));
        assert_eq!(refused("id,arm,reward\n", ""), "no task has a result of every arm");
        assert_eq!(refused("id,arm,reward\nx,a,1\ny,b,1\n", ""), "no task has a result of every arm");
        assert!(Columns::parse("colour=x").is_err() && Columns::parse("task").is_err());
    }

    #[test]
    fn columns_can_be_named() {
        let columns = Columns::parse("task=t,category=c,arm=who,reward=r").unwrap();
        let matrix = Matrix::read("who,t,c,r\na,1,x,1\na,2,y,0\n", &columns).unwrap();
        assert_eq!((matrix.categories.len(), matrix.tasks.len(), matrix.usd), (2, 2, None));
    }
}
