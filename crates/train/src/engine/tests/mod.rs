mod dual;
mod layers;
mod slow;
