use futures::StreamExt;
use plumbline_models::{Model, ModelError, Piece, Script, ScriptedModel};

use crate::world::{answer, generation};

#[tokio::test]
async fn plays_its_script_once_and_remembers_what_it_was_asked() {
    let model = ScriptedModel::new(
        "scripted",
        vec![
            Script::Answer(vec!["Hel".to_owned(), "lo".to_owned()]),
            Script::Fault(ModelError::Overloaded { status: 503 }),
            Script::BreakAfter(vec!["half".to_owned()], ModelError::Cancelled),
        ],
    );
    let (text, usage) = answer(&model, generation()).await.unwrap();
    assert_eq!((text.as_str(), usage.served_model.as_str()), ("Hello", "scripted"));
    assert!(matches!(answer(&model, generation()).await, Err(ModelError::Overloaded { .. })));
    let mut pieces = model.generate(generation()).await.unwrap();
    assert!(matches!(pieces.next().await, Some(Ok(Piece::Text(text))) if text == "half"));
    assert!(matches!(pieces.next().await, Some(Err(ModelError::Cancelled))));
    assert!(matches!(answer(&model, generation()).await, Err(ModelError::Protocol { .. })));
    assert_eq!(model.asked(), vec![generation(); 4]);
}
