-- What a dead sender had claimed and not begun to hand over is sent by another, instead of waiting for somebody.

-- Whether its POST may have begun: false from the claim until just before the POST. True where the sender's version does
-- not tell, so that only what is known for certain counts as not begun.
ALTER TABLE sender.attempts ADD COLUMN started boolean NOT NULL DEFAULT true;
