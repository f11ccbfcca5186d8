//! Guessing what somebody meant: the known word that is nearest to a misspelt one.

/// Returns the candidate with the fewest changed, added, lost or swapped characters: at most a third of the word.
pub(super) fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let limit = (word.chars().count() / 3).max(1);
    let near = candidates.into_iter().map(|candidate| (distance(word, candidate), candidate));
    // The names of a policy are sorted, so the first of equals is always the same one.
    near.filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word.to_owned())
}

/// The optimal string alignment distance, without regard to case. Words are short: callers compare names.
fn distance(left: &str, right: &str) -> usize {
    let [left, right] = [left, right].map(|word| word.to_lowercase().chars().take(MAX_WORD).collect::<Vec<_>>());
    let mut before = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, character) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let mut cost =
                (above[column] + usize::from(character != other)).min(above[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *character == right[column - 1] && left[row - 1] == *other {
                let swapped: &Vec<usize> = &before;
                cost = cost.min(swapped[column - 1] + 1);
            }
            current.push(cost);
        }
        before = std::mem::replace(&mut above, current);
    }
    above[right.len()]
}

const MAX_WORD: usize = 64;

#[cfg(test)]
mod tests {
    use super::{closest, distance};

    #[test]
    fn distances_count_edits_and_swaps() {
        for (left, right, expected) in
            [("", "abc", 3), ("abc", "abc", 0), ("abc", "ABD", 1), ("readers", "raeders", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!((distance(left, right), distance(right, left)), (expected, expected), "{left} {right}");
        }
    }

    #[test]
    fn only_a_near_word_is_suggested() {
        let names = ["alice", "bob", "deploy-prod"];
        assert_eq!(closest("alcie", names).as_deref(), Some("alice"));
        assert_eq!(closest("deploy-pord", names).as_deref(), Some("deploy-prod"));
        assert_eq!(closest("carol", names), None);
    }
}
