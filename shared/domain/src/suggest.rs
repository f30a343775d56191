//! The search behind `did you mean`.

/// Returns the known word that is most similar to a written one, if any is similar enough.
#[must_use]
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = written.to_lowercase();
    let length = written.chars().count();
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&lower, &word.to_lowercase()), word))
        .filter(|(distance, word)| {
            *distance <= 1 + length.max(word.chars().count()) / 4 && *distance < length.max(2)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}
