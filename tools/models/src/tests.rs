use super::*;

fn read(json: &str) -> Result<Model, String> {
    Model::read(json.as_bytes()).map_err(|error| error.0)
}

const LINEAR: &str = r#"{"kind": "linear", "intercept": 1, "inputs": [
    {"name": "a", "mean": 10, "deviation": 2, "weight": 3}, {"name": "b", "weight": -1}]}"#;

const FOREST: &str = r#"{"kind": "forest", "inputs": ["a"], "sample": 8, "trees": [
    [{"input": 0, "below": 10, "left": 1, "right": 2}, {"rows": 7}, {"rows": 1}]]}"#;

#[test]
fn a_linear_model_weighs_standardised_features() {
    let model = read(LINEAR).unwrap();
    assert_eq!(model.names(), ["a", "b"]);
    assert_eq!(model.score(&[12.0, 0.5]), Ok(1.0 + 3.0 - 0.5));
}

#[test]
fn a_logistic_model_says_a_chance() {
    let model = read(&LINEAR.replace(r#""intercept": 1"#, r#""intercept": 1, "link": "logistic""#)).unwrap();
    let chance = model.score(&[10.0, 1.0]).unwrap();
    assert!((chance - 0.5).abs() < 1e-12, "{chance}");
    assert!(model.score(&[100.0, 0.0]).unwrap() > 0.999_999);
    assert!(model.score(&[-1e9, 0.0]).unwrap() >= 0.0);
}

#[test]
fn what_stands_alone_soon_is_an_anomaly() {
    let model = read(FOREST).unwrap();
    let (usual, alone) = (model.score(&[5.0]).unwrap(), model.score(&[50.0]).unwrap());
    assert!(alone > 0.75 && usual < 0.55, "{alone} and {usual}");
    // Of eight rows the mean path is about 3.3; this one is of one step.
    assert!((alone - (-1.0 / path_length(8)).exp2()).abs() < 1e-12);
}

#[test]
fn the_mean_path_is_that_of_the_paper() {
    assert_eq!((path_length(1), path_length(2)), (0.0, 1.0));
    assert!((path_length(256) - 10.244_770_920_119_917).abs() < 1e-9, "{}", path_length(256));
}

#[test]
fn a_row_of_another_length_says_what_was_expected() {
    let error = read(LINEAR).unwrap().score(&[1.0]).unwrap_err();
    assert_eq!(error.0, "a row of 1 features; expected 2: a, b");
}

#[test]
fn a_model_that_contradicts_itself_is_refused() {
    for (json, said) in [
        ("what?".to_owned(), "not a model"),
        (r#"{"kind": "oracle"}"#.to_owned(), "oracle"),
        (r#"{"kind": "linear", "inputs": []}"#.to_owned(), "one at least"),
        (LINEAR.replace(r#""deviation": 2"#, r#""deviation": 0"#), "deviation of the input `a`"),
        (FOREST.replace(r#""input": 0"#, r#""input": 1"#), "expected one below 1"),
        (FOREST.replace(r#""left": 1"#, r#""left": 0"#), "expected one behind it"),
        (FOREST.replace(r#""right": 2"#, r#""right": 3"#), "expected one behind it"),
    ] {
        let error = read(&json).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn what_is_written_is_what_is_read() {
    for json in [LINEAR, FOREST] {
        let model = read(json).unwrap();
        assert_eq!(read(&serde_json::to_string(&model).unwrap()), Ok(model));
    }
}

/// Rows around a ring, of two features that are unusual only together, and their names.
fn ring() -> (Vec<String>, Vec<Vec<f64>>) {
    let rows = (0..500).map(|step| {
        let angle = f64::from(step) * 0.7;
        let radius = 1.0 + f64::from(step % 7) * 0.01;
        vec![radius * angle.cos(), radius * angle.sin()]
    });
    (vec!["x".to_owned(), "y".to_owned()], rows.collect())
}

#[test]
fn a_grown_forest_tells_what_is_unlike_all_else_and_grows_the_same_from_the_same_seed() {
    let (names, rows) = ring();
    let forest = Forest::grow(&names, &rows, &ForestOptions::default()).unwrap();
    assert_eq!(forest, Forest::grow(&names, &rows, &ForestOptions::default()).unwrap());
    assert_ne!(
        forest,
        Forest::grow(&names, &rows, &ForestOptions { seed: 2, ..Default::default() }).unwrap()
    );
    // As a file, it is the model that it was.
    let model = Model::Forest(forest);
    let read = Model::read(&serde_json::to_vec(&model).unwrap()).unwrap();
    assert_eq!(read, model);
    let score = |x: f64, y: f64| read.score(&[x, y]).unwrap();
    assert!(score(3.0, 3.0) > 0.6, "{}", score(3.0, 3.0));
    let usual = rows.iter().map(|row| score(row[0], row[1])).fold(0.0, f64::max);
    assert!(score(3.0, 3.0) > usual, "{usual}");
    let few = Forest::grow(&names, &rows[..3], &ForestOptions::default()).unwrap_err();
    assert_eq!(few.to_string(), "3 rows of features to learn from; expected 20 at least");
}

#[test]
fn a_fitted_chance_rises_where_what_is_foreseen_came_however_rare_it_is() {
    let names = ["temperature".to_owned(), "noise".to_owned()];
    let rows: Vec<Vec<f64>> =
        (0..1_000).map(|step| vec![f64::from(step % 100), f64::from(step * 37 % 11)]).collect();
    let comes: Vec<bool> = rows.iter().map(|row| row[0] >= 95.0).collect();
    let chance = Model::Linear(Linear::fit_chance(&names, &rows, &comes).unwrap());
    let score = |temperature: f64| chance.score(&[temperature, 5.0]).unwrap();
    assert!(score(99.0) > 0.9 && score(50.0) < 0.1, "{} {}", score(99.0), score(50.0));
    assert_eq!(Linear::fit_chance(&names, &rows, &vec![false; 1_000]), Err(TrainError::OneKind));
}
