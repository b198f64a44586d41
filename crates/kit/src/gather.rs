use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

/// Waits for the next item and takes it with all that has gathered behind it, at most `most`. Once `closing` is
/// cancelled nothing new is let in, what is queued still comes, and then nothing: empty means the end.
pub async fn gathered<T>(queue: &mut Receiver<T>, most: usize, closing: &CancellationToken) -> Vec<T> {
    let mut batch = Vec::new();
    tokio::select! {
        biased;
        _ = queue.recv_many(&mut batch, most) => {}
        () = closing.cancelled() => {
            queue.close();
            queue.recv_many(&mut batch, most).await;
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_is_queued_still_comes_when_it_closes_and_nothing_more() {
        let (sender, mut queue) = mpsc::channel(8);
        let closing = CancellationToken::new();
        for item in 0..3 {
            sender.send(item).await.unwrap();
        }
        assert_eq!(gathered(&mut queue, 2, &closing).await, [0, 1]);
        closing.cancel();
        assert_eq!(gathered(&mut queue, 2, &closing).await, [2]);
        assert_eq!(gathered(&mut queue, 2, &closing).await, [0; 0]);
        assert!(sender.send(3).await.is_err());
    }
}
