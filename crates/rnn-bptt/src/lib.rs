//! gradus-rnn-bptt
