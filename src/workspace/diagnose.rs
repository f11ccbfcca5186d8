//! Suggestions for a name that is not there.

/// Returns the keys that are most like a mistyped one: at most three, the nearest first.
pub fn similar_keys<'a>(wanted: &str, keys: impl Iterator<Item = &'a str>) -> Vec<String> {
    let wanted = wanted.to_lowercase();
    let mut scored: Vec<(usize, &str)> = keys
        .take(MAX_KEYS)
        .map(|key| {
            let last = key.rsplit('.').next().unwrap_or(key).to_lowercase();
            let key_lower = key.to_lowercase();
            (distance(&wanted, &key_lower).min(distance(&wanted, &last) + 1), key)
        })
        .filter(|(distance, key)| *distance <= key.chars().count().max(3) / 3)
        .collect();
    scored.sort_unstable();
    scored.into_iter().take(3).map(|(_, key)| key.to_owned()).collect()
}

/// Returns how many characters are added, removed or changed between two texts (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(MAX_LENGTH).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, character) in one.chars().take(MAX_LENGTH).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, other) in other.iter().enumerate() {
            let changed = diagonal + usize::from(character != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

const MAX_KEYS: usize = 10_000;
const MAX_LENGTH: usize = 100;

#[cfg(test)]
mod tests {
    use super::similar_keys;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        let keys = ["db.password", "db.user", "api.token"];
        assert_eq!(similar_keys("db.pasword", keys.into_iter()), ["db.password"]);
        assert_eq!(similar_keys("password", keys.into_iter()), ["db.password"]);
        assert!(similar_keys("zzz", keys.into_iter()).is_empty());
    }
}
