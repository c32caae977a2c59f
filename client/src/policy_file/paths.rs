//! Child keys that a rule is for: `m/0/5` is one, `m/0/*` all that begin so.

use cloister_wire::policy::Paths;

use super::text::Written;
use cloister_chains::derivation::ChildPath;

impl Written for Paths {
    const WHAT: &'static str = "a path, such as \"m\", \"m/0/5\" or \"m/0/*\"";

    fn read(text: &str) -> Result<Self, String> {
        let (path, below) = text.strip_suffix("/*").map_or((text, false), |path| (path, true));
        let path: ChildPath = path.parse().map_err(|_| format!("expected {}; no step can be hardened", Self::WHAT))?;
        let steps = path.steps().to_vec().try_into().map_err(|why| format!("{why}"))?;
        Ok(if below { Self::Below(steps) } else { Self::Exactly(steps) })
    }

    fn write(&self) -> String {
        let path = |steps: &[u32]| steps.iter().fold("m".to_owned(), |path, step| format!("{path}/{step}"));
        match self {
            Self::Any => "m/*".to_owned(),
            Self::Exactly(steps) => path(steps.as_slice()),
            Self::Below(steps) => format!("{}/*", path(steps.as_slice())),
        }
    }
}
