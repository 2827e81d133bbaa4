-- Serves the forgetting of links that ended: revoked, or at their time.
CREATE INDEX links_over ON identity.links (least(revoked_at, expires_at));
